"""Copies of a good release that were spoilt in one way each, with checksums and card made right."""
