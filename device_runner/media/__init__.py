"""Sound from outside: recordings of any kind, bytes that come through a pipe, and streams that ffmpeg decodes."""
