"""The register map of `snn_axil`: what its RTL, its C and Python drivers and docs/reference/registers.md agree on."""

from __future__ import annotations

from dataclasses import dataclass

ID = 0x534E4E31
HASH_WORDS = 8
ADDRESS_BITS = 7


@dataclass(frozen=True)
class Bit:
    """A bit of a register."""

    name: str
    number: int
    meaning: str


@dataclass(frozen=True)
class Register:
    """32 bits at a byte address. access: `ro`, `rw`, `w1c` (a 1 clears the bit) or `wo` (reads 0)."""

    name: str
    offset: int
    access: str
    meaning: str
    bits: tuple[Bit, ...] = ()

    @property
    def spirit(self) -> str:
        """The access as IP-XACT says it."""
        return {"ro": "read-only", "wo": "write-only"}.get(self.access, "read-write")


SHORT, LATE = "an early or missing tlast", "T of 0 or above T_MAX"
WRONG = "of the weights: an early or missing tlast of s_axis_weights, an error that m_axi answers"
REGISTERS = (
    Register("ID", 0x00, "ro", f"0x{ID:08X}, the letters SNN1"),
    Register("CONTROL", 0x04, "wo", "commands", (Bit("RESET", 0, "resets the network, not the registers"),)),
    Register("TIMESTEPS", 0x08, "rw", "T of every image that begins from now on, 16 bits; T_MAX after reset"),
    Register("STATUS", 0x0C, "ro", "what goes on now", (
        Bit("RECEIVING", 0, "an image has begun and not ended"), Bit("WAITING", 1, "a result beat is not yet taken"),
        Bit("WEIGHTS", 2, "the weights are there: in the design, loaded, or read from memory"),
    )),
    Register("ERROR", 0x10, "w1c", "what was wrong", (
        Bit("LENGTH", 0, SHORT), Bit("T", 1, LATE), Bit("WEIGHTS", 2, WRONG),
    )),
    Register("IRQ_ENABLE", 0x14, "rw", "which bits of IRQ_STATUS raise irq", (
        Bit("DONE", 0, "of IRQ_STATUS"), Bit("ERROR", 1, "of IRQ_STATUS"),
    )),
    Register("IRQ_STATUS", 0x18, "w1c", "what has happened", (
        Bit("DONE", 0, "a result's last beat was taken"), Bit("ERROR", 1, "a bit of ERROR was set"),
    )),
    Register("IMAGES", 0x1C, "ro", "results since the last reset of the network"),
    Register("CYCLES", 0x20, "ro", "clock cycles since aresetn"),
    Register("BEGUN", 0x24, "ro", "CYCLES when the latest image's first beat was accepted"),
    Register("ENDED", 0x28, "ro", "CYCLES when the latest result's last beat was taken"),
    Register("T_MAX", 0x2C, "ro", "the largest T"),
    Register("PIXELS", 0x30, "ro", "pixels of an image, or of a frame"),
    Register("VALUES", 0x34, "ro", "values of a result; the class follows them"),
    Register("WEIGHTS", 0x38, "rw", "external weights: where the file begins, a multiple of 4096; bits 31..0"),
    Register("WEIGHTS_HIGH", 0x3C, "rw", "bits 63..32 of it"),
    *(Register(f"HASH{i}", 0x40 + 4 * i, "ro", f"the network's hash, hexadecimal digits {8 * i}..{8 * i + 7}")
      for i in range(HASH_WORDS)),
    Register("WEIGHTS_READ", 0x60, "rw", "external weights", (Bit("ENABLE", 0, "the file is there and may be read"),)),
    Register("KEEP", 0x64, "rw", "of every sequence of frames that begins from now on", (
        Bit("STATE", 0, "the next one goes on where it ends; nothing for images"),
    )),
)  # fmt: skip
