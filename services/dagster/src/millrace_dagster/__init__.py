"""What Dagster's webserver needs beside itself to run unattended."""
