"""A report of a model: one file that is opened without a server or network, and numbers for programs beside it.

``choices`` says what is wanted, ``asking`` puts the questions to a workspace, the ``chapters`` make ``contents`` of the
answers, and ``page`` writes them as one HTML file; ``conditions`` judge the ``numbers``. Everything is asked of the
workspace, so a report says what the page says, whoever works for it.
"""
