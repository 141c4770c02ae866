"""What stays in a cell: plain MIME data, with buttons that work while their kernel lives.

`ending.py` and `sheet.py` tell how jobs ended, `shown_media.py` shows media. `controls.py` makes
the buttons, `switchboard.py` hears them, and `viewer.py` opens media in full quality.
"""
