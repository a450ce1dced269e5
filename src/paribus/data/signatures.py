"""What a file is by its first bytes: compressed text, a known binary format, or text.

A name says what a file was called, its first bytes what it is. Text of any encoding, with NUL bytes
or invalid UTF-8, is text here: only formats that no text begins like are told apart.
"""

import re

COMPRESSIONS = {
    ".gz": rb"\x1f\x8b\x08",
    ".bz2": rb"BZh[1-9](?:1AY&SY|\x17rE8P\x90)",
    ".xz": rb"\xfd7zXZ\x00",
    ".zst": rb"(?:\x28\xb5\x2f\xfd|[\x50-\x5f]\x2a\x4d\x18)",
}
"""Suffix of a compression -> what its files begin with."""

FORMATS = {
    "a ZIP archive (also docx, xlsx, epub, jar, npz)": rb"PK(?:\x03\x04|\x05\x06|\x07\x08)",
    "a tar archive": rb".{257}ustar",
    "a 7z archive": rb"7z\xbc\xaf\x27\x1c",
    "a RAR archive": rb"Rar!\x1a\x07",
    "an LZ4 file": rb"\x04\x22\x4d\x18",
    "a compress (.Z) file": rb"\x1f[\x9d\xa0]",
    "an lzip file": rb"LZIP[\x00\x01]",
    "a PDF": rb"%PDF-",
    "an old Office document": rb"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1",
    "a PNG image": rb"\x89PNG\r\n\x1a\n",
    "a JPEG image": rb"\xff\xd8\xff",
    "a GIF image": rb"GIF8[79]a",
    "a TIFF image": rb"(?:II\x2a\x00|MM\x00\x2a)",
    "a RIFF file (WAV, AVI, WebP)": rb"RIFF.{4}(?:WAVE|AVI |WEBP)",
    "an Ogg file": rb"OggS\x00",
    "a FLAC file": rb"fLaC\x00",
    "an MP3 file": rb"ID3[\x02-\x04]",
    "an MP4 file": rb".{4}ftyp",
    "a Matroska file": rb"\x1a\x45\xdf\xa3",
    "a Parquet file": rb"PAR1",
    "an Arrow file": rb"ARROW1",
    "an Avro file": rb"Obj\x01",
    "an HDF5 file": rb"\x89HDF\r\n\x1a\n",
    "an SQLite database": rb"SQLite format 3\x00",
    "a NumPy array": rb"\x93NUMPY",
    "a Python pickle": rb"\x80[\x02-\x05][\x28\x4b\x4d\x58\x5d\x63\x7d\x81\x8a\x8c\x95]",
    "a safetensors file": rb".{7}\x00\{\"",
    "a GGUF file": rb"GGUF[\x01-\x09]\x00",
    "an ELF program": rb"\x7fELF",
    "a Windows program": rb"MZ.{58}.{2}\x00\x00",
    "a Mach-O program": rb"(?:\xcf\xfa\xed\xfe|\xce\xfa\xed\xfe|\xca\xfe\xba\xbe)",
    "a WebAssembly module": rb"\x00asm",
    "compiled Python": rb"..\r\n\x00\x00\x00\x00",
}
"""Name of a binary format -> what its files begin with."""

HEAD_BYTES = 512
"""First bytes that tell all of these apart."""

_COMPRESSIONS = {name: re.compile(start, re.DOTALL) for name, start in COMPRESSIONS.items()}
_FORMATS = {name: re.compile(start, re.DOTALL) for name, start in FORMATS.items()}


def compression_of(head: bytes) -> str | None:
    """The suffix of the compression that a file begins like, such as .gz; None for none."""
    return next((name for name, start in _COMPRESSIONS.items() if start.match(head)), None)


def binary_format_of(head: bytes) -> str | None:
    """The binary format that a file begins like; None if it may be text."""
    return next((name for name, start in _FORMATS.items() if start.match(head)), None)
