"""How the numbers of a sheet become bytes, and back.

A sheet is one measure of one year: rows × 12 months. It is cut into chunks of 5,461 rows, 65,532
numbers, so that a place in a chunk fits two bytes. Numbers are small and alike, so their bytes are
put together by significance before they are compressed, which makes a quarter of them and costs
less than writing them would.
"""

from typing import Final

import numpy as np
import zstandard

from planning.cube.exact import Ints

MONTHS: Final = 12
CHUNK_ROWS: Final = 5_461
CHUNK_LEAVES: Final = CHUNK_ROWS * MONTHS
LEVEL: Final = 1
# From here on a whole chunk of differences is smaller than a place beside each of them.
SPARSE_MAX: Final = 2_000

_SPARSE: Final = b"\x00"
_DENSE: Final = b"\x01"


def pack(values: Ints) -> bytes:
    """Write numbers."""
    by_significance = np.ascontiguousarray(
        np.ascontiguousarray(values, dtype="<i8").reshape(-1).view(np.uint8).reshape(-1, 8).T
    )
    # One compressor a call, because one may not be used by two threads.
    return zstandard.ZstdCompressor(level=LEVEL).compress(by_significance.tobytes())


def unpack(data: bytes) -> Ints:
    """Read numbers that `pack` wrote, as one line."""
    plain = zstandard.ZstdDecompressor().decompress(data, max_output_size=CHUNK_LEAVES * 8)
    by_significance = np.frombuffer(plain, dtype=np.uint8).reshape(8, -1)
    return np.ascontiguousarray(by_significance.T).reshape(-1).view("<i8").astype(np.int64)


def pack_change(places: Ints, differences: Ints) -> bytes:
    """Write what changed in a chunk.

    Shape: `places` are unique and ascend, row in the chunk × 12 + month.
    """
    if len(places) <= SPARSE_MAX:
        return _SPARSE + places.astype("<u2").tobytes() + differences.astype("<i8").tobytes()
    dense = np.zeros(int(places[-1]) + 1, dtype=np.int64)
    dense[places] = differences
    return _DENSE + pack(dense)


def unpack_change(data: bytes) -> tuple[Ints, Ints]:
    """Read what `pack_change` wrote: places and differences."""
    if data[:1] == _DENSE:
        dense = unpack(data[1:])
        places = np.flatnonzero(dense).astype(np.int64)
        return places, dense[places]
    count = (len(data) - 1) // 10
    places = np.frombuffer(data, dtype="<u2", count=count, offset=1).astype(np.int64)
    return places, np.frombuffer(data, dtype="<i8", count=count, offset=1 + 2 * count).copy()
