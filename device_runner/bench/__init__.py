"""A benchmark: send clips to a board, compare each with the host's reference kernels, write a result.

`runner` is a whole measurement, from boards that answered to the result. `clips` chooses the clips; `crew` runs several
boards at once, each a `station`; `measurement` sends a clip and compares; `blame` finds out which side differs; `times`
refuses impossible times; `journal` keeps every finished clip, so that a measurement can be resumed; `place` is its
folder; `assembly` builds the result; `verdict` says whether it is valid.
"""
