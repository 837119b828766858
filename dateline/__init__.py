"""The top floor: the command line, and the only place where settings become brokers, engines and stages."""

from importlib.metadata import PackageNotFoundError, version

try:
    __version__ = version("dateline")
except PackageNotFoundError:  # a checkout that was never installed
    __version__ = "0+unknown"
