"""A benchmark: clips through a board, each held against the host's reference kernels, one result out.

`runner` is a whole measurement, from boards that answered to the result. `clips` chooses what is sent; `crew` has
several boards work at once, each a `station`; `measurement` sends one clip and compares; `blame` finds out which side
differs; `times` refuses what no clock can have counted; `journal` keeps every clip that is done, so that a measurement
can be gone on with; `place` is where it lies; `assembly` puts the result together; `verdict` says whether it holds.
"""
