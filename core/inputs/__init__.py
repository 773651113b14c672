"""Files, folders and what people hold in Python become arrays that a model takes, or a refusal with its remedy.

``model_inputs`` says what each input of a model expects (``spec``, by what its layers take, ``takers``). ``files``
reads one file (``images``, ``arrays``, ``tables``, ``text_lines``), ``datasets`` many samples, ``sources`` what is in
memory; ``checking`` mends what cannot be meant otherwise and refuses the rest with ``remedies``; ``structure`` knows
alone how a model takes its inputs. ``labels`` sets what samples are called against what the model answers.
"""
