"""What a page or a command asks for, as plain values: names, numbers, texts, charts as dicts, files as bytes.

``workspace`` holds one visitor's model (``open_model``) and samples, and answers with what ``results`` declares;
``previews`` (what went in), ``answers``, ``sample_list``, ``layer_table``, ``layer_charts``, ``model_map`` and the
``…_views`` each make one kind of it;
``file_report`` tells of a file what can be told without opening it; ``workers`` put all of it into another process.
"""
