"""The embedded engine: real media from words and a seed, without network or key.

`painter.paint` turns a prompt into a picture in the manner of a screen print. The modules
import NumPy and Pillow, this package imports nothing: name the module you need.
"""
