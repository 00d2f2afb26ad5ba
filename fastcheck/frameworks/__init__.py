"""What the checks of torch, JAX and TensorFlow share; none of these is imported here."""
