"""Which kernels run, in which order, and where their tensors lie."""
