"""A vision-language model that answers in this process, with transformers."""
