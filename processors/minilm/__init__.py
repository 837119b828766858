"""spaCy components on a small MiniLM encoder, run with onnxruntime: no PyTorch, one thread, the same annotation whatever the batch.

A trained model is a folder of four files (what ``training/`` exports, and what the component ``minilm`` keeps in its folder
``<pipeline>/minilm/``; ``processors.minilm.assemble`` makes a spaCy pipeline of it):

``model.onnx``      the encoder. Inputs ``ids`` and ``types`` int64 [B, N], ``mask`` float32 [B, N] (1 piece, 0 padding);
                    output ``h`` float32 [B, N, H]: the last layer's state of each word piece. H = 384.
``heads.npz``       float32 or float16 arrays. Every head reads the state x of a word's FIRST piece, as ``x @ NAME_w + NAME_b``:
                    ``ner_w`` [H, labels] ``ner_b``, ``tag_w`` ``tag_b``, ``pos_w`` ``pos_b``, ``sent_w`` [H, 2] ``sent_b``
                    (1: the word starts a sentence); behind a leaky ReLU of slope 0.1: ``arc_dep_w`` [H, A] ``arc_dep_b``,
                    ``arc_head_w`` ``arc_head_b``, ``lab_dep_w`` [H, L] ``lab_dep_b``, ``lab_head_w`` ``lab_head_b``.
                    Biaffine: ``arc_u`` [A+1, A], ``arc_root`` [A], ``lab_root`` [L], ``lab_v`` [deps, L+1, L+1]:
                    score of head j for word i = [arc_dep_i, 1] @ arc_u @ arc_head_j, the root being ``arc_root``;
                    score of label r = [lab_dep_i, 1] @ lab_v[r] @ [lab_head_j, 1], with ``lab_root`` for the root.
``labels.json``     ``{"tags": [...], "pos": [...], "deps": [...], "ner": ["O", "B-PERSON", "I-PERSON", ...],
                    "types": 8 or 16, "max_pieces": 128, "morph": {...}}``. ``deps`` holds "ROOT"; a label "-" or "" is never given.
                    ``morph`` (optional): "TAG" or "TAG word" (lower case) → UD features, "" where missing.
``tokenizer.json``  the word-piece tokenizer (uncased) of the encoder.

How text becomes input (``processors.minilm.encode``, which training uses too): words are spaCy's tokens without those of
whitespace; a word is its lower-case form's pieces, at most 12; a window is [CLS] pieces … [SEP] of at most ``max_pieces``
pieces, of whole lines or sentences where they fit. The type of each piece is its word's class of case (0–7), and with 16
types 8 more where the word is the first of a line (of the text, or after a line break); [CLS], [SEP] and padding have 0.
"""
