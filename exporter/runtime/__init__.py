"""The process itself: its event loop, buffers, tasks and logs. Nothing here is about databases."""
