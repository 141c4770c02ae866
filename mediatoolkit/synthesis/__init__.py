"""The embedded engine: real media from words and a seed, without network or key.

`painting.painter.paint` turns a prompt into a picture in the manner of a screen print,
`speaking.speech` says a text, `filming.film` joins both. The modules import NumPy and Pillow, these
packages import nothing: name the module you need.
"""
