"""Train, validation and test without leakage between them."""
