"""What happens in the process of a case: user code is called here and nowhere else."""
