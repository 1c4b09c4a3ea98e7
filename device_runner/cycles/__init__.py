"""Cycles of a run, estimated from what an emulator executed.

An emulator counts instructions, and instructions are not time. Here a plugin notes which instructions ran after which,
and what missed in a part's caches (`trace_plugin.c`, `plugin`, `trace`). Pairs of neighbours become *events*
(`instruction`, `events`), and a core is a table of cycles per event (`cores`; `dual_issue` for the Cortex-M7).
`estimate` puts them together: cycles without wait states, and behind the flash of a part, in all, by function and by
operator.
"""
