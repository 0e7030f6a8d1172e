"""Kernels of the build: sharp figures, nothing kept, no chatter."""

c = get_config()  # noqa: F821  (IPython provides it)
c.InlineBackend.figure_formats = {"svg"}
c.InlineBackend.print_figure_kwargs = {"bbox_inches": "tight", "facecolor": "white"}
c.HistoryManager.enabled = False
c.IPKernelApp.log_level = 50  # a stopped kernel is no error
