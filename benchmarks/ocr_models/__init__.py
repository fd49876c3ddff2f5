"""OCR models for benchmarks and tests, without a download."""
