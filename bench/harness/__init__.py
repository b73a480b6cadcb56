"""The benchmark's parts: machine and processes, mock provider, targets, load, held streams, figures, report. Imports nothing of the product."""
