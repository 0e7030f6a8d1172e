"""Models on disk: a ``config.json`` and weights in safetensors files, in our own layout or one of Hugging Face's."""
