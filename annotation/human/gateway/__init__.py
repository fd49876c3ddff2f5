"""What stands before Label Studio: who may ask for what, and the first page that people see."""
