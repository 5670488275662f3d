"""What is popular: this worker's counts, their publication, and the sum of everybody's."""
