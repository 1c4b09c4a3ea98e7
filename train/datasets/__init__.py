"""What is asked of a data set before a training: what it holds, what is wrong with it, its official splits."""
