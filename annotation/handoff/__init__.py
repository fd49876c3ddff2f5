"""What people corrected, as training sets in the formats that trainers read."""
