"""What `./run demo` does once the platform runs."""

from rich.console import Console

from local.platform import SERVICES, Platform


def run(platform: Platform, console: Console) -> int:
    """Show that all four services are there and return the exit code."""
    for service in SERVICES:
        console.print(f"  {service:<12} {platform.address(service)}", highlight=False)
    return 0
