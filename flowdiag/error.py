"""The one exception a person sees; it stands alone so that the command line can start without loading anything else."""


class FlowdiagError(Exception):
    """Anything a person can mend: one sentence that names the thing, the reason and the way out."""
