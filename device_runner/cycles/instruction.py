"""A Thumb instruction, as far as timing is concerned: its kind, and the registers it reads and writes."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

Kind = Literal[
    "alu",
    "dsp",  # parallel adds, extensions, saturation, packing, bit fields
    "multiply",
    "multiply_long",
    "divide",
    "load",
    "store",
    "load_multiple",  # LDM, LDRD, POP, VLDM
    "store_multiple",
    "branch",
    "branch_register",
    "table_branch",
    "loop",  # low overhead branches of Armv8.1-M
    "it",
    "nop",
    "special",  # MRS, MSR
    "barrier",
    "fpu",
    "fpu_mac",
    "fpu_divide",
    "fpu_move",  # between core and floating-point registers
    "vload",
    "vstore",
    "vector",  # Helium
    "vector_multiply",
    "vector_load",
    "vector_store",
    "unknown",
]

MEMORY_KINDS = frozenset(("load", "store", "vload", "vstore", "load_multiple", "store_multiple"))
MULTIPLIES = frozenset(("multiply", "multiply_long"))

_CONDITIONS = frozenset("eq ne cs hs cc lo mi pl vs vc hi ls ge lt gt le".split())
# mnemonics that end like a condition but have none
_NO_CONDITION = frozenset(
    "teq bics smlals umulls movs muls cls vcls svcs mls vmls sbcs adcs lsls rscs vfms vfnms vnmls le it".split()
)
_SETS_FLAGS = frozenset("add sub and orr eor bic orn mov mvn lsl lsr asr ror mul adc sbc rsb rrx neg".split())
_COMPARES = frozenset(("cmp", "cmn", "tst", "teq"))
_LOADS = frozenset("ldr ldrb ldrh ldrsb ldrsh ldrt ldrex ldrexb ldrexh".split())
_STORES = frozenset("str strb strh strt strex strexb strexh".split())
_MULTIPLE = re.compile(r"^v?(ldm|stm|push|pop)(ia|db|fd|ea)?$")
_MULTIPLY = re.compile(r"^(smla|smul|smua|smus|smmu|smml|smls|mla|mls|mul|umull|umlal|umaal)")
_DSP = re.compile(
    r"^(u|s|q|uq|sh|uh)(add|sub)(8|16)$|^(u|s)xt(b|h|b16|ab|ah|ab16)$|^pkh(bt|tb)$|^(u|s)sat(16)?$|^q(d)?(add|sub)$"
    r"|^rev(16|sh)?$|^rbit$|^clz$|^sel$|^(u|s)bfx$|^bf(i|c)$|^usada?8$"
)
_TWO_RESULTS = frozenset(
    "smull umull smlal umlal umaal smlald smlaldx smlsld smlsldx smlalbb smlalbt smlaltb smlaltt".split()
)
_NO_RESULT = _COMPARES | {"nop", "msr"}
_READS_RESULT = frozenset(("movt", "bfi", "bfc", "umaal"))
_ONE_SOURCE = frozenset("mov movs mvn mvns movw uxtb uxth sxtb sxth rev rev16 revsh rbit clz neg negs adr".split())
_FPU_MACS = frozenset("vmla vmls vfma vfms vnmla vnmls vfnma vfnms".split())
_VECTOR_MULTIPLIES = ("vmul", "vmla", "vqrdmul", "vqdmul", "vrmlal", "vmls", "vqrdmla", "vqdmla")
_SCALAR_FPU_MEMORY = ("", ".64", ".32", ".16")
_REGISTER = re.compile(r"\b(r\d+|sp|lr|pc|ip|fp|sl|sb|s\d+|d\d+|q\d+)\b")
_RANGE = re.compile(r"\b([rsd])(\d+)-[rsd](\d+)\b")
_ALIAS = {"sb": "r9", "sl": "r10", "fp": "r11", "ip": "r12", "sp": "r13", "lr": "r14", "pc": "r15"}
_PC = "r15"


@dataclass(slots=True, kw_only=True)
class Instruction:
    """An instruction at an address."""

    address: int
    size: int
    """Its length in bytes: 2 or 4."""
    name: str
    """Mnemonic without condition, width and the S of flags."""
    operands: str
    kind: Kind = "alu"
    conditional: bool = False
    reads: frozenset[str] = frozenset()
    writes: frozenset[str] = frozenset()
    base: frozenset[str] = frozenset()
    """Registers of its address."""
    accumulator: frozenset[str] = frozenset()
    """Registers of its accumulator."""
    words: int = 0
    """Number of registers of a multiple load or store, or of a move."""
    sets_flags: bool = False
    shifted: bool = False
    """Whether an operand passes the shifter."""
    register_offset: bool = False
    writeback: bool = False
    to_pc: bool = False

    @property
    def is_misplaced(self) -> bool:
        """Whether it has 4 bytes that cross a word of the memory."""
        return self.size == 4 and self.address & 2 != 0


def registers(text: str) -> list[str]:
    """Return the registers in a text, each once, ranges expanded."""
    names = [f"{bank}{i}" for bank, low, high in _RANGE.findall(text) for i in range(int(low), int(high) + 1)]
    names += [_ALIAS.get(name, name) for name in _REGISTER.findall(text)]
    return list(dict.fromkeys(names))


def unknown(address: int, size: int) -> Instruction:
    """Return an instruction that the disassembler does not know: one cycle, and no dependencies."""
    return Instruction(address=address, size=size, name="unknown", operands="", kind="unknown")


def decode(address: int, size: int, mnemonic: str, operands: str) -> Instruction:
    """Return the instruction of a line of a disassembly.

    Parameters
    ----------
    address, size
        Its address and its length in bytes.
    mnemonic, operands
        As objdump prints them.
    """
    name, _, tail = mnemonic.partition(".")
    suffix = f".{tail}" if tail else ""
    conditional = len(name) > 2 and name[-2:] in _CONDITIONS and name not in _NO_CONDITION and not name.startswith("it")
    if conditional:
        name = name[:-2]
    sets_flags = name.endswith("s") and name[:-1] in _SETS_FLAGS
    if sets_flags:
        name = name[:-1]
    instruction = Instruction(address=address, size=size, name=name, operands=operands, conditional=conditional)
    instruction.sets_flags = sets_flags or name in _COMPARES
    body = re.split("[;@]", operands, maxsplit=1)[0]
    instruction.shifted = bool(re.search(r"(lsl|lsr|asr|ror|rrx) ?#", body)) and name not in (
        "lsl",
        "lsr",
        "asr",
        "ror",
    )
    for rule in (_branch, _one_memory_access, _double, _multiple, _fpu_memory, _vector, _fpu):
        if rule(instruction, body, suffix):
            return instruction
    _arithmetic(instruction, body)
    return instruction


def _memory_operand(body: str) -> tuple[list[str], list[str], str]:
    """Return the registers before the bracket, the registers inside, and the text behind it."""
    before, bracket, rest = body.partition("[")
    inside, _, after = rest.partition("]")
    return registers(before), registers(inside) if bracket else [_PC], after


def _branch(instruction: Instruction, body: str, suffix: str) -> bool:
    name, named = instruction.name, registers(body.split("<")[0])
    if name.startswith("it") and set(name[1:]) <= set("te"):
        instruction.kind = "it"
    elif name in ("b", "bl", "cbz", "cbnz"):
        instruction.kind, instruction.reads = "branch", frozenset(named)
        instruction.conditional |= name in ("cbz", "cbnz")
        instruction.writes = frozenset(("r14",)) if name == "bl" else frozenset()
    elif name in ("bx", "blx"):
        instruction.kind, instruction.reads = "branch_register", frozenset(named)
    elif name in ("tbb", "tbh"):
        instruction.kind, instruction.reads = "table_branch", frozenset(named)
        instruction.base = instruction.reads
    elif name in ("le", "letp", "dls", "wls", "dlstp", "wlstp"):
        instruction.kind = "loop"
    else:
        return False
    return True


def _one_memory_access(instruction: Instruction, body: str, suffix: str) -> bool:
    if instruction.name not in _LOADS | _STORES:
        return False
    moved, inside, after = _memory_operand(body)
    instruction.base = frozenset(inside)
    instruction.register_offset = len(inside) > 1
    instruction.writeback = after.startswith("!") or "," in after
    changed = frozenset(inside[:1]) if instruction.writeback else frozenset()
    if instruction.name in _LOADS:
        instruction.kind, instruction.reads, instruction.writes = "load", instruction.base, frozenset(moved) | changed
        instruction.to_pc = _PC in moved
    else:
        instruction.kind, instruction.reads, instruction.writes = "store", frozenset(moved) | instruction.base, changed
    return True


def _double(instruction: Instruction, body: str, suffix: str) -> bool:
    if instruction.name not in ("ldrd", "strd"):
        return False
    moved, inside, _ = _memory_operand(body)
    instruction.words, instruction.base = 2, frozenset(inside)
    if instruction.name == "ldrd":
        instruction.kind, instruction.reads, instruction.writes = "load_multiple", instruction.base, frozenset(moved)
    else:
        instruction.kind, instruction.reads = "store_multiple", instruction.base | frozenset(moved)
    return True


def _multiple(instruction: Instruction, body: str, suffix: str) -> bool:
    if not _MULTIPLE.match(instruction.name):
        return False
    before, _, inside = body.partition("{")
    listed = registers(inside.partition("}")[0])
    is_stack = "push" in instruction.name or "pop" in instruction.name
    instruction.base = frozenset(("r13",) if is_stack else registers(before))
    instruction.words = len(listed) * (2 if listed[0][0] == "d" else 1)
    instruction.to_pc = _PC in listed
    if "ldm" in instruction.name or "pop" in instruction.name:
        instruction.kind, instruction.reads, instruction.writes = (
            "load_multiple",
            instruction.base,
            frozenset(listed) | instruction.base,
        )
    else:
        instruction.kind, instruction.reads, instruction.writes = (
            "store_multiple",
            instruction.base | frozenset(listed),
            instruction.base,
        )
    return True


def _fpu_memory(instruction: Instruction, body: str, suffix: str) -> bool:
    is_scalar = suffix in _SCALAR_FPU_MEMORY and not re.search(r"\bq\d", body)
    if not (instruction.name.startswith(("vldr", "vstr")) and is_scalar):
        return False
    moved, inside, _ = _memory_operand(body)
    instruction.words, instruction.base = 2 if moved and moved[0][0] == "d" else 1, frozenset(inside)
    if instruction.name.startswith("vldr"):
        instruction.kind, instruction.reads, instruction.writes = "vload", instruction.base, frozenset(moved)
    else:
        instruction.kind, instruction.reads = "vstore", instruction.base | frozenset(moved)
    return True


def _vector(instruction: Instruction, body: str, suffix: str) -> bool:
    if not (re.search(r"\bq\d", body) or instruction.name.startswith(("vctp", "vpst", "vpt"))):
        return False
    named = registers(body)
    instruction.kind, instruction.reads, instruction.writes = "vector", frozenset(named), frozenset(named[:1])
    if "[" in body:
        moved, inside, _ = _memory_operand(body)
        instruction.base = frozenset(inside)
        if instruction.name.startswith("vst"):
            instruction.kind, instruction.writes = "vector_store", instruction.base
        else:
            instruction.kind, instruction.reads, instruction.writes = (
                "vector_load",
                instruction.base,
                frozenset(moved) | instruction.base,
            )
    elif instruction.name.startswith(_VECTOR_MULTIPLIES):
        instruction.kind = "vector_multiply"
    return True


def _fpu(instruction: Instruction, body: str, suffix: str) -> bool:
    if not instruction.name.startswith("v"):
        return False
    named = registers(body)
    instruction.kind = "fpu"
    if instruction.name in _FPU_MACS:
        instruction.kind = "fpu_mac"
    elif instruction.name in ("vdiv", "vsqrt"):
        instruction.kind = "fpu_divide"
    elif instruction.name == "vmov" and any(register[0] == "r" for register in named):
        instruction.kind, instruction.words = "fpu_move", sum(register[0] == "r" for register in named)
    instruction.writes = frozenset(named[:1])
    instruction.reads = frozenset(
        named if instruction.kind == "fpu_mac" or instruction.name.startswith("vcmp") else named[1:]
    )
    return True


def _arithmetic(instruction: Instruction, body: str) -> None:
    name, named = instruction.name, registers(body.split("<")[0])
    if name in ("sdiv", "udiv"):
        instruction.kind = "divide"
    elif name in _TWO_RESULTS:
        instruction.kind, instruction.accumulator = "multiply_long", frozenset(named[:2])
    elif _MULTIPLY.match(name):
        instruction.kind, instruction.accumulator = "multiply", frozenset(named[3:])
    elif name in ("mrs", "msr"):
        instruction.kind = "special"
    elif name in ("dmb", "dsb", "isb", "wfi", "cps", "cpsid", "cpsie"):
        instruction.kind = "barrier"
    elif name == "nop":
        instruction.kind = "nop"
    elif _DSP.match(name):
        instruction.kind = "dsp"
    results = 0 if name in _NO_RESULT else 2 if name in _TWO_RESULTS else 1
    # adds r0, r1 has one operand less than it reads
    reads_result = (
        name in _READS_RESULT or (instruction.kind == "multiply_long" and "mlal" in name) or name.startswith("smlsl")
    )
    reads_result |= len(body.split(",")) == 2 and name not in _ONE_SOURCE
    instruction.writes = frozenset(named[:results])
    instruction.reads = frozenset(named if reads_result else named[results:])
    instruction.to_pc = results > 0 and named[:1] == [_PC]
