"""Human annotation: votes become labels."""
