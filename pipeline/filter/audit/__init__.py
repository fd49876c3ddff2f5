"""What the rules do to a workspace: explained from its tables, and audited by people."""
