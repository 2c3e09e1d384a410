"""The files of customers that are partners of the channel, built from what channels tells."""
