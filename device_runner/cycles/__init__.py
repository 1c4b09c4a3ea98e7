"""Cycles of a run, estimated from the instructions that an emulator executed.

An emulator counts instructions, and instructions are not time. Here a plugin records which instructions followed which,
and which accesses missed a part's caches (`trace_plugin.c`, `plugin`, `trace`). Pairs of neighbours become *events*
(`instruction`, `events`), and a core is a table of cycles per event (`cores`; `dual_issue` for the Cortex-M7).
`estimate` combines them into cycles without wait states and behind the flash of a part, in total, by function and by
operator.
"""
