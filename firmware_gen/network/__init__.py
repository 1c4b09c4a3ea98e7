"""The network as the generator sees it: tensors and nodes, and the calls of kernels that they become."""
