"""From the bytes of pictures to pixels: decoding, keeping, random crops, scanning."""
