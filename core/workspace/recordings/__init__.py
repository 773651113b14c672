"""Sessions that are kept in a file: what a page asked, and what was answered, looked at again without the model.

``questions`` says when two questions are the same; ``recording_file`` writes and reads the file; ``recorded`` answers a
page from it; ``recorder`` asks what is to be in it; ``visit`` says what a visitor would look at; ``first_look`` is the
recording that ships with Layerscope, which is on the page before TensorFlow is there.
"""
