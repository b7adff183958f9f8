"""The quantised coefficients of a baseline JPEG, read from its entropy-coded data and written back.

Both directions work on all blocks at once with numpy. Reading wants a restart marker behind every MCU, so that all
MCUs are decoded side by side; ``encoders.MozjpegEncoder.coefficients`` writes such files. Nothing here is for files
of strangers: they are decoded by libjpeg.
"""

from __future__ import annotations

import io
import struct
from dataclasses import dataclass

import numpy as np
from PIL import Image

from belfoot_img.imaging.jpeg.markers import BASELINE, DHT, SOS
from belfoot_img.imaging.jpeg.parsing import Component, Jpeg, parse

RESTARTS, STUFFED = range(0xD0, 0xD8), 0x00
END_OF_BLOCK, SIXTEEN_ZEROS = 0x00, 0xF0
LONGEST_CODE = 16  # bits

NATURAL = np.array(
    sorted(range(64), key=lambda at: (at // 8 + at % 8, (at // 8 if (at // 8 + at % 8) % 2 else at % 8))), dtype=np.intp
)
"""Of each coefficient in zigzag order, its place in the rows of an 8 × 8 block (ITU-T T.81, figure A.6)."""


@dataclass(frozen=True)
class Plane:
    """One component. ``blocks``: (block rows, block columns, 64) in zigzag order, int16; ``steps``: the quantisation
    table, (64,) in zigzag order; ``sampling``: blocks of an MCU across and down."""

    blocks: np.ndarray
    steps: np.ndarray
    sampling: tuple[int, int]


@dataclass(frozen=True)
class Coefficients:
    """``size``: (width, height) of the picture in px; ``planes``: Y alone, or Y, Cb and Cr."""

    size: tuple[int, int]
    planes: tuple[Plane, ...]


def read(source: bytes) -> Coefficients:
    """Reads a baseline JPEG of one scan with a restart marker behind every MCU. Raises ValueError for another one."""
    jpeg = parse(source)
    if jpeg.process != BASELINE or jpeg.scans != 1:
        raise ValueError("not a baseline JPEG of one scan")
    codes: dict[int, np.ndarray] = {}
    for segment in jpeg.segments:
        if segment.marker == DHT:
            codes |= _codes_in(jpeg.payload(segment))
        elif segment.marker == SOS:
            scan = jpeg.payload(segment)
    parts = scan[0]
    streams = _Streams(np.frombuffer(scan, np.uint8, offset=4 + 2 * parts))
    across, down = _mcus(jpeg)
    if parts != len(jpeg.components) or len(streams.at) != across * down:
        raise ValueError("no restart marker behind every MCU")
    planes = []
    for component, selector in zip(jpeg.components, scan[2 : 2 + 2 * parts : 2], strict=True):
        blocks = _read_blocks(streams, codes[selector >> 4], codes[16 | selector & 15], _sampling(jpeg, component))
        steps = np.array(jpeg.tables[component.table], np.float32)
        planes.append(Plane(_in_rows(blocks, across, down), steps, _sampling(jpeg, component)))
    return Coefficients(jpeg.size, tuple(planes))


def _sampling(jpeg: Jpeg, component: Component) -> tuple[int, int]:
    """A picture of one component has MCUs of one block, whatever its sampling says."""
    return (1, 1) if len(jpeg.components) == 1 else (component.horizontal, component.vertical)


def _mcus(jpeg: Jpeg) -> tuple[int, int]:
    """Returns the MCUs across and down."""
    sampling = [_sampling(jpeg, component) for component in jpeg.components]
    widest = (max(sides) for sides in zip(*sampling, strict=True))
    across, down = (-(-side // (8 * blocks)) for side, blocks in zip(jpeg.size, widest, strict=True))
    return across, down


def _codes_in(body: bytes) -> dict[int, np.ndarray]:
    """Tables of 65,536 entries: by the next 16 bits, the length of the code × 256 + its symbol."""
    found, at = {}, 0
    while at < len(body):
        number, counts = body[at], body[at + 1 : at + 17]
        symbols = body[at + 17 : at + 17 + sum(counts)]
        lengths = np.repeat(np.arange(1, 17), list(counts))
        spans = 1 << (LONGEST_CODE - lengths)
        entries = np.repeat(lengths * 256 + np.frombuffer(symbols, np.uint8), spans)
        found[number] = np.pad(entries, (0, (1 << LONGEST_CODE) - len(entries))).astype(np.uint16)
        at += 17 + len(symbols)
    return found


def _without_markers(data: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Returns 32 bits from every byte on, and the byte at which each restart interval begins."""
    after = np.concatenate([[False], data[:-1] == 0xFF])
    marker = after & np.isin(data, RESTARTS)
    dropped = marker | (after & (data == STUFFED))
    dropped[:-1] |= marker[1:]
    kept = data[~dropped]
    place = np.cumsum(~dropped)
    starts = np.concatenate([[0], place[np.flatnonzero(marker)]])
    padded = np.concatenate([kept, np.zeros(8, np.uint8)]).astype(np.uint32)
    return padded[:-3] << 24 | padded[1:-2] << 16 | padded[2:-1] << 8 | padded[3:], starts


class _Streams:
    """The bits of all MCUs, read side by side. ``at``: the next bit of each."""

    def __init__(self, data: np.ndarray):
        self._bits, starts = _without_markers(data)
        self.at = starts.astype(np.int64) * 8

    def symbols(self, codes: np.ndarray, which: np.ndarray) -> np.ndarray:
        found = codes[self._peek(which)]
        self.at[which] += found >> 8
        return found & 255

    def values(self, sizes: np.ndarray, which: np.ndarray) -> np.ndarray:
        """Returns signed values of that many bits (ITU-T T.81, F.2.2.1, EXTEND)."""
        raw = self._peek(which).astype(np.int32) >> (16 - sizes)
        self.at[which] += sizes
        return np.where(raw < (1 << sizes) >> 1, raw - (1 << sizes) + 1, raw)

    def _peek(self, which: np.ndarray) -> np.ndarray:
        at = self.at[which]
        return (self._bits[at >> 3] >> (16 - (at & 7)).astype(np.uint32)) & 0xFFFF


def _read_blocks(
    streams: _Streams, dc_codes: np.ndarray, ac_codes: np.ndarray, sampling: tuple[int, int]
) -> np.ndarray:
    """Returns (MCUs, blocks down, blocks across, 64) of one component."""
    count = sampling[0] * sampling[1]
    blocks = np.zeros((len(streams.at), count, 64), np.int16)
    for number in range(count):
        _read_block(streams, dc_codes, ac_codes, blocks[:, number])
    blocks[..., 0] = np.cumsum(blocks[..., 0], axis=1)  # DC is coded as the difference within the MCU
    return blocks.reshape(-1, sampling[1], sampling[0], 64)


def _in_rows(blocks: np.ndarray, across: int, down: int) -> np.ndarray:
    """(MCUs, blocks down, blocks across, 64) → (block rows, block columns, 64)."""
    vertical, horizontal = blocks.shape[1:3]
    rows = blocks.reshape(down, across, vertical, horizontal, 64).swapaxes(1, 2)
    return np.ascontiguousarray(rows).reshape(down * vertical, across * horizontal, 64)


def _read_block(streams: _Streams, dc_codes: np.ndarray, ac_codes: np.ndarray, block: np.ndarray) -> None:
    """Reads the next block of every MCU into ``block``, (MCUs, 64)."""
    which = np.arange(len(block))
    block[:, 0] = streams.values(streams.symbols(dc_codes, which).astype(np.int32), which)
    at = np.ones(len(block), np.int64)
    while which.size:
        symbol = streams.symbols(ac_codes, which).astype(np.int32)
        at[which] += symbol >> 4
        size = symbol & 15
        valued = size > 0
        filled = which[valued]
        block[filled, at[filled]] = streams.values(size[valued], filled)
        at[which] += 1  # a run of sixteen zeros has the length 15 and no value
        which = which[(symbol != END_OF_BLOCK) & (at[which] < 64)]


def write(coefficients: Coefficients) -> bytes:
    """Returns a baseline JPEG with the Huffman tables of ITU-T T.81, annex K: to be packed by an optimiser."""
    header, codes = _header(coefficients)
    streams = []
    for number, plane in enumerate(coefficients.planes):
        horizontal, vertical = plane.sampling
        rows, columns = (
            side // blocks for side, blocks in zip(plane.blocks.shape, (vertical, horizontal), strict=False)
        )
        blocks = plane.blocks.reshape(rows, vertical, columns, horizontal, 64).swapaxes(1, 2)
        chroma = int(number > 0)
        streams.append(_coded(blocks.reshape(rows * columns, -1, 64), codes[chroma], codes[16 | chroma]))
    return header + _packed(streams) + b"\xff\xd9"


def _header(coefficients: Coefficients) -> tuple[bytes, dict[int, np.ndarray]]:
    """Returns everything before the entropy-coded data, and the codes: by symbol, length × 65,536 + code.

    Pillow writes it, for one pixel; the size is put in afterwards.
    """
    parts = coefficients.planes
    tables = [plane.steps for plane in parts[:2]]
    natural = np.argsort(NATURAL)
    written = io.BytesIO()
    Image.new("RGB" if len(parts) > 1 else "L", (1, 1)).save(
        written,
        "JPEG",
        qtables=[table[natural].astype(int).tolist() for table in tables],
        subsampling="4:4:4" if parts[0].sampling == (1, 1) else "4:2:0",
    )
    jpeg = parse(written.getvalue())
    codes: dict[int, np.ndarray] = {}
    for segment in jpeg.segments:
        if segment.marker == BASELINE:
            size = segment.start + 5
        elif segment.marker == DHT:
            codes |= _codes_by_symbol(jpeg.payload(segment))
        elif segment.marker == SOS:
            end = segment.start + 2 + int.from_bytes(jpeg.source[segment.start + 2 : segment.start + 4], "big")
    sides = struct.pack(">HH", *reversed(coefficients.size))
    return jpeg.source[:size] + sides + jpeg.source[size + 4 : end], codes


def _codes_by_symbol(body: bytes) -> dict[int, np.ndarray]:
    found = {}
    for number, table in _codes_in(body).items():
        by_symbol = np.zeros(256, np.int32)
        first = np.flatnonzero(np.diff(table, prepend=0) != 0)
        for at in first[table[first] > 0]:
            length, symbol = divmod(int(table[at]), 256)
            by_symbol[symbol] = length << 16 | int(at) >> (LONGEST_CODE - length)
        found[number] = by_symbol
    return found


def nonzero_ac(blocks: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """(blocks, 64) in zigzag order → of each AC coefficient that is not zero: its block, its place, the number of zeros
    before it, and its value."""
    block, place = (found.astype(np.int32) for found in np.nonzero(blocks[:, 1:]))
    place += 1
    first = np.diff(block, prepend=-1) != 0
    run = place - np.where(first, 0, np.roll(place, 1)) - 1
    return block, place, run, blocks[block, place].astype(np.int32)


def _coded(blocks: np.ndarray, dc_codes: np.ndarray, ac_codes: np.ndarray) -> tuple[np.ndarray, ...]:
    """Codes the blocks of one component, (MCUs, blocks of an MCU, 64).

    Returns for every code its MCU, its place within the MCU's share of this component, its bits and their number.
    """
    count = blocks.shape[1]
    flat = blocks.reshape(-1, 64)
    dc = np.diff(flat[:, 0].astype(np.int32), prepend=0)
    busy = np.flatnonzero(flat[:, 1:].any(axis=1)).astype(np.int32)  # most blocks of a page have DC alone
    block, place, run, value = nonzero_ac(flat[busy])
    block = busy[block]
    long_runs = np.flatnonzero(run > 15)
    zeros = np.repeat(long_runs, run[long_runs] >> 4)
    last = np.zeros(len(flat), np.int32)
    last[block] = place  # the highest place is written last
    ending = np.flatnonzero(last < 63).astype(np.int32)
    size, bits = _value_bits(value)
    dc_size, dc_bits = _value_bits(dc)
    order = np.concatenate(
        [
            np.arange(len(flat), dtype=np.int32) * 128,
            block[zeros] * 128 + 2 * place[zeros] - 1,
            block * 128 + 2 * place,
            ending * 128 + 127,
        ]
    )
    no_zeros, no_ending = np.zeros(len(zeros), np.int32), np.zeros(len(ending), np.int32)  # bits of a value
    sizes = np.concatenate([dc_size, no_zeros, size, no_ending])
    extra = np.concatenate([dc_bits, no_zeros, bits, no_ending])
    code = np.concatenate(
        [
            dc_codes[dc_size],
            np.full(len(zeros), ac_codes[SIXTEEN_ZEROS]),
            ac_codes[(run & 15) << 4 | size],
            np.full(len(ending), ac_codes[END_OF_BLOCK]),
        ]
    )
    return order // (128 * count), order % (128 * count), (code & 0xFFFF) << sizes | extra, (code >> 16) + sizes


def _value_bits(values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Returns the number of bits of each value, and these: of a negative one, those of value − 1 (T.81, F.1.2.1)."""
    size = np.frexp(np.abs(values).astype(np.float32))[1]
    size[values == 0] = 0
    return size, np.where(values < 0, values + (1 << size) - 1, values)


def _packed(streams: list[tuple[np.ndarray, ...]]) -> bytes:
    """Puts the codes of all components in the order of the scan, as bytes with stuffing."""
    width = 1 + max(int(place.max(initial=0)) for _, place, _, _ in streams)
    order = np.concatenate(
        [(mcu * len(streams) + number) * width + place for number, (mcu, place, _, _) in enumerate(streams)]
    )
    sorting = np.argsort(order, kind="stable")
    bits = np.concatenate([bits for _, _, bits, _ in streams])[sorting].astype(np.int64)
    lengths = np.concatenate([lengths for _, _, _, lengths in streams])[sorting]
    ends = np.cumsum(lengths)
    padding = -int(ends[-1]) % 8
    whole = np.append(bits, (1 << padding) - 1), np.append(ends, ends[-1] + padding)
    return _in_words(*whole).tobytes()[: int(whole[1][-1]) // 8].replace(b"\xff", b"\xff\x00")


def _in_words(bits: np.ndarray, ends: np.ndarray) -> np.ndarray:
    """Returns words of 32 bits, big-endian. A code of at most 27 bits lies in one or two of them; sums of a word's
    parts are exact in double precision."""
    word, used = (ends - 1) >> 5, ((ends - 1) & 31) + 1
    placed = bits << (32 - used)
    ending = np.bincount(word, placed & 0xFFFFFFFF)
    beginning = np.bincount(np.maximum(word - 1, 0), placed >> 32, len(ending))
    return (ending + beginning).astype(np.uint64).astype(">u4")
