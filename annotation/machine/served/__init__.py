"""Models behind an OpenAI-compatible endpoint: vLLM, SGLang, or a service."""
