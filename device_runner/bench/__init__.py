"""A benchmark: clips through a board, each held against the host's reference kernels, one result out.

`clips` chooses what is sent; `measurement` sends one clip and compares; `recovery` repeats what was lost on the way;
`blame` finds out which side differs; `times` refuses what no clock can have counted; `crew` has several boards work at
once; `journal` keeps every clip that is done, so that a measurement can be gone on with; `place` says where it lies;
`assembly` makes the result.
"""
