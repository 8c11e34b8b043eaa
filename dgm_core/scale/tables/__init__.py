"""Tables of any size, filled in block by block on an engine.

    job = Job("big.parquet", "completed.parquet", Settings(model="miwae", draws=5))
    job.prepare()                                     # read a sample
    for progress in job.training():                   # train the model on it
        ...
    for progress in job.filling(engine("ray", workers=8)):
        ...
    job.finish()                                      # join the blocks

The types of the columns and the model are learned from a sample of the rows. Then workers, each
with one copy of the model, fill in the blocks of the table. The values of a row depend only on the
seed and on the number of the row, so the number of workers and a restart do not change the result.

While the job runs, the folder `completed.parquet.parts` holds the model and every finished block,
each written whole or not at all. After an interruption, the same command resumes from there. At
the end the blocks are joined in their order, and the folder is removed. If the completed table is
too large for one file, use the name of a folder, "completed/": each block is then a file of that
folder, and `_SUCCESS` appears in it when all blocks are done.

As with a table that is read whole, every row and every column comes out again, in order. There are
four differences. Quotation marks of a CSV file are written only where they are needed, and blank
lines are dropped. A category or a binary value that does not occur in the sample is kept but not
used. Whether a column is whole is known from the sample only.
"""

from dgm_core.scale.tables.job import Done, Job, Progress

__all__ = ["Done", "Job", "Progress"]
