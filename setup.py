"""What pyproject.toml cannot say: an editable install brings the data files too, as any other does."""

from setuptools import Distribution, setup


class WithDataFiles(Distribution):
    """setuptools asks `has_data` before it adds data files to an editable install, and defines it nowhere."""

    has_data = Distribution.has_data_files


setup(distclass=WithDataFiles)
