"""WAV sound files: PCM of 8, 16, 24, 32 bits and floats, also WAVE_FORMAT_EXTENSIBLE.

Source: Microsoft and IBM, Multimedia Programming Interface and Data Specifications 1.0 (1991), "Waveform Audio File
Format"; Microsoft, "Multiple channel audio data and WAVE files", for the extensible header.
"""

from dataclasses import dataclass

import numpy as np

from rumbo.core.errors import DataError
from rumbo.core.messages import t

MAX_CHANNELS = 64
MAX_CHUNKS = 1000
_PCM, _FLOAT, _EXTENSIBLE = 1, 3, 0xFFFE
_GUID_TAIL = bytes.fromhex("000000001000800000aa00389b71")
"""What follows the two bytes of the plain format in the sub-format of an extensible header."""


@dataclass(frozen=True, kw_only=True)
class WavHeader:
    """What a WAV file says about its sound.

    Attributes:
        rate_hz: samples a second.
        num_channels: 1 is mono, 2 stereo.
        num_bits: of one sample as it is stored.
        is_float: whether samples are floats.
        start: where the samples begin in the file.
        num_samples: of each channel.
        num_missing: samples that the header promises and the file lacks.
    """

    rate_hz: int
    num_channels: int
    num_bits: int
    is_float: bool
    start: int
    num_samples: int
    num_missing: int


def wav_header(data: bytes, name: str) -> WavHeader:
    """Read the chunks before the samples.

    Raises:
        DataError: no WAV file, or a coding other than plain samples.
    """
    if len(data) < 12 or data[:4] not in (b"RIFF", b"RF64") or data[8:12] != b"WAVE":
        raise DataError(t("'{name}' is no WAV file: it does not begin with RIFF and WAVE.", name=name))
    position, form = 12, None
    for _ in range(MAX_CHUNKS):
        if position + 8 > len(data):
            break
        kind, size = data[position : position + 4], int.from_bytes(data[position + 4 : position + 8], "little")
        body = position + 8
        if kind == b"fmt " and form is None:
            form = _form(data[body : body + min(size, 64)], name)
        elif kind == b"data" and form is not None:
            return _with_samples(form, body, size, len(data), name)
        position = body + size + size % 2
    missing = t("the format") if form is None else t("samples")
    raise DataError(
        t("'{name}' is a WAV file without {missing}: it is damaged or cut off.", name=name, missing=missing)
    )


def decode_wav(data: bytes, name: str) -> np.ndarray:
    """The samples as float32, t x channels; whole numbers are divided by half their range, so they lie in -1..1.

    Raises:
        DataError: as `wav_header`; or floats that are not finite.
    """
    head = wav_header(data, name)
    width = head.num_bits // 8
    count = head.num_samples * head.num_channels
    raw = np.frombuffer(data, np.uint8, count * width, head.start)
    if head.is_float:
        with np.errstate(over="ignore", invalid="ignore"):  # told below
            samples = raw.view("<f4" if width == 4 else "<f8").astype(np.float32)
        if not np.isfinite(samples).all():
            raise DataError(t("'{name}' has samples that are no finite numbers.", name=name))
    elif width == 1:  # the only unsigned kind
        samples = (raw.astype(np.float32) - 128) / 128
    elif width == 3:
        whole = np.zeros((count, 4), np.uint8)
        whole[:, 1:] = raw.reshape(-1, 3)  # the lowest byte stays 0: the number times 256
        samples = (whole.view("<i4")[:, 0] / 2.0**31).astype(np.float32)
    else:
        samples = (raw.view(f"<i{width}") / 2.0 ** (head.num_bits - 1)).astype(np.float32)
    return samples.reshape(-1, head.num_channels)


def _form(body: bytes, name: str) -> WavHeader:
    if len(body) < 16:
        raise DataError(t("'{name}' is a WAV file with a format chunk of {count} bytes.", name=name, count=len(body)))
    code, num_channels = int.from_bytes(body[0:2], "little"), int.from_bytes(body[2:4], "little")
    rate_hz, step = int.from_bytes(body[4:8], "little"), int.from_bytes(body[12:14], "little")
    num_bits = int.from_bytes(body[14:16], "little")
    if code == _EXTENSIBLE and len(body) >= 40 and body[26:40] == _GUID_TAIL:
        code = int.from_bytes(body[24:26], "little")
    if not (code == _PCM and num_bits in (8, 16, 24, 32)) and not (code == _FLOAT and num_bits in (32, 64)):
        raise DataError(
            t(
                "'{name}' is a WAV file of coding {code} with {bits} bits; read are plain samples of 8, 16, 24 or 32 "
                "bits and floats. Convert it to 16-bit PCM.",
                name=name,
                code=code,
                bits=num_bits,
            )
        )
    if not 1 <= num_channels <= MAX_CHANNELS or rate_hz == 0 or step != num_channels * num_bits // 8:
        raise DataError(
            t(
                "'{name}' is a WAV file that claims {channels} channels, {rate} samples a second and {step} bytes a "
                "step: these cannot be right.",
                name=name,
                channels=num_channels,
                rate=rate_hz,
                step=step,
            )
        )
    return WavHeader(
        rate_hz=rate_hz,
        num_channels=num_channels,
        num_bits=num_bits,
        is_float=code == _FLOAT,
        start=0,
        num_samples=0,
        num_missing=0,
    )


def _with_samples(form: WavHeader, start: int, size: int, num_bytes: int, name: str) -> WavHeader:
    step = form.num_channels * form.num_bits // 8
    # Recorders that stream write 0 or the largest number as the size; then all that follows are samples.
    met = num_bytes - start
    promised = met if size in (0, 0xFFFFFFFF) else size
    num_samples = min(promised, met) // step
    if num_samples == 0:
        raise DataError(
            t("'{name}' is a WAV file without {missing}: it is damaged or cut off.", name=name, missing=t("samples"))
        )
    return WavHeader(
        rate_hz=form.rate_hz,
        num_channels=form.num_channels,
        num_bits=form.num_bits,
        is_float=form.is_float,
        start=start,
        num_samples=num_samples,
        num_missing=promised // step - num_samples,
    )
