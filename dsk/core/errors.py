"""Every error dsk raises on purpose; each says where, what, what is allowed and what to do."""

from __future__ import annotations


class Notice(UserWarning):
    """Something that the user should know while the work goes on; a run shows it and keeps it in its records."""


class DskError(Exception):
    """Root of all dsk errors. `exit_code` is what the command line returns for it."""

    exit_code = 1

    def lines(self) -> tuple[str, ...]:
        """The message as it is shown, one line a fault; a line break within one is part of what it quotes."""
        return (str(self) or type(self).__name__,)


class SpecError(DskError, ValueError):
    """The spec (or a `--set` override) cannot be used. `problems` holds one line per fault."""

    exit_code = 2

    def __init__(self, *problems: str) -> None:
        self.problems = problems
        super().__init__("\n".join(problems))

    def lines(self) -> tuple[str, ...]:
        """Every fault."""
        return self.problems


class PluginError(DskError, ImportError):
    """A plugin distribution cannot be loaded or registers something invalid."""

    exit_code = 2


class DataError(DskError, ValueError):
    """A task's file, column or row cannot be used."""

    exit_code = 2


class ModelError(DskError, ValueError):
    """A model directory cannot be used for what the spec asks of it."""

    exit_code = 2


class RunFolderError(DskError, FileExistsError):
    """The run's folder is in the way: it exists, or `--resume` finds a different spec there."""

    exit_code = 2


class PortError(DskError, OSError):
    """The port that a server should listen on cannot be had."""

    exit_code = 2


class CacheError(DskError, ValueError):
    """A solution cache belongs to something else or cannot be opened."""

    exit_code = 2


class CheckpointError(DskError, OSError):
    """A checkpoint could not be written or read; the previous one is intact."""


class DamagedFileError(DskError, ValueError):
    """A file of a run is not as dsk wrote it: truncated, changed, or replaced by something else."""

    exit_code = 2


class EngineError(DskError, RuntimeError):
    """The engine failed while sampling; the run can be resumed."""


class RequestError(EngineError):
    """A request that the engine or the model is too small for: the spec asks for too much."""

    exit_code = 2


class VerifierError(DskError, RuntimeError):
    """A verifier's workers cannot be started or keep dying."""


class VerdictError(VerifierError):
    """A verifier, or the program behind it, returned something other than verdicts."""

    exit_code = 2


class NonFiniteLossError(DskError, ArithmeticError):
    """The loss or the gradient norm is NaN or infinite."""


class PackingError(DskError, ArithmeticError):
    """Packed training disagrees with the dense oracle on the first micro-batch."""


class InterruptedRun(DskError):
    """Ctrl-C: state is saved and `--resume` continues."""

    exit_code = 130
