"""Tables of any size, filled in block by block on an engine.

    job = Job("big.parquet", "completed.parquet", Settings(model="miwae", draws=5))
    for progress in job.run(engine("ray", workers=8)):
        ...

A sample of the rows teaches what the columns are and trains the model; then the blocks of the
table go through workers that each hold the model once. What fills a row depends on the seed and
the row's number alone, so neither the number of workers nor a restart shows in the result.

Beside the completed table stands a folder, `completed.parquet.parts`, while the job is under way:
the model and every block that is done, each written whole or not at all. The same command goes on
from there, whatever was killed. At the end the blocks are put together in their order, and the
folder goes. A table too large for that goes to "completed/": then each block stays a file of that
folder, as its worker wrote it, and `_SUCCESS` appears beside them when all are there.

Unlike a table that is read whole (`dgm_core.data.reading`): a row without any value is filled in
as well; a CSV file's rows of another number of cells than its first are left out and counted; and
a level or a value of two that the sample lacks is kept as it is, and not used.
"""

from dgm_core.scale.tables.job import Done, Job, Progress

__all__ = ["Done", "Job", "Progress"]
