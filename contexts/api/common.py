"""What several views of contexts share."""

# A mebibyte of data, metadata and the rest. Many clients write \u00e9 for what is two bytes: three times as much.
MAX_CONTEXT_BODY_BYTES = 3584 * 1024
MAX_SMALL_BODY_BYTES = 64 * 1024
