"""Plain Faust and Nearline under the same two faults: what each of them loses and doubles."""
