"""A Dask cluster: tasks that tell where they are and can be spoken to; the one door to Dask."""
