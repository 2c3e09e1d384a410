"""Turn the contracts into code, and compare them with the published ones; nothing is fetched.

`python protos/generate.py [code|lint|breaking|baseline]`, with the Python of the set-up.
Third-party contracts come out of installed packages: Google's as files, buf's validation rules as
the descriptor that protovalidate carries.
"""

import os
import subprocess
import sys
import sysconfig
import tempfile
from collections.abc import Callable, Iterable
from importlib import resources
from pathlib import Path

from google.protobuf import descriptor_pb2, duration_pb2, field_mask_pb2, timestamp_pb2
from google.protobuf.descriptor_pb2 import FileDescriptorProto, FileDescriptorSet
from grpc_tools import protoc
from protovalidate._gen.buf.validate import validate_pb

PROTOS = Path(__file__).resolve().parent
ROOT = PROTOS.parent
GENERATED = ROOT / "build" / "gen"
BASELINE = PROTOS / "baseline.binpb"
VALIDATE = "buf/validate/validate.proto"
SITE_PACKAGES = Path(sysconfig.get_path("purelib"))
SCRIPTS = Path(sys.executable).parent


def code() -> None:
    """Generate the Python code of every contract into `build/gen`.

    Shape: the folder is replaced as a whole, so that code of a deleted contract does not linger.
    """
    GENERATED.parent.mkdir(parents=True, exist_ok=True)
    # Built beside and moved in whole: a contract that protoc refuses leaves the old code in place.
    with tempfile.TemporaryDirectory(dir=GENERATED.parent, prefix="gen.") as name:
        fresh = Path(name) / "fresh"
        fresh.mkdir()
        _protoc(
            f"--python_out={fresh}",
            f"--grpc_python_out={fresh}",
            f"--mypy_out=quiet:{fresh}",
            f"--mypy_grpc_out=quiet:{fresh}",
            files=[*_own_files(), VALIDATE],
        )
        if GENERATED.exists():
            GENERATED.rename(Path(name) / "before")
        fresh.rename(GENERATED)


def lint() -> None:
    """Check names and comments of the contracts."""
    with tempfile.TemporaryDirectory() as folder:
        _buf("lint", str(_image(Path(folder))))


def breaking() -> None:
    """Check that nothing published was taken away or changed; a new file is welcome."""
    with tempfile.TemporaryDirectory() as name:
        image = _image(Path(name))
        published = FileDescriptorSet.FromString(BASELINE.read_bytes())
        # The baseline holds our own files only and would not resolve: today's imports go with it.
        complete = FileDescriptorSet(file=[*_foreign(image), *published.file])
        against = Path(name) / "published.binpb"
        against.write_bytes(complete.SerializeToString(deterministic=True))
        _buf("breaking", str(image), "--against", str(against))


def baseline() -> None:
    """Declare the contracts as they are now to be the published ones."""
    with tempfile.TemporaryDirectory() as name:
        files = FileDescriptorSet.FromString(_image(Path(name)).read_bytes()).file
        own = FileDescriptorSet(file=[_bare(file) for file in files if _is_own(file)])
        BASELINE.write_bytes(own.SerializeToString(deterministic=True))


def _own_files() -> list[str]:
    return sorted(path.relative_to(PROTOS).as_posix() for path in PROTOS.glob("mantle/**/*.proto"))


def _is_own(file: FileDescriptorProto) -> bool:
    return file.name.startswith("mantle/")


def _bare(file: FileDescriptorProto) -> FileDescriptorProto:
    bare = FileDescriptorProto()
    bare.CopyFrom(file)
    bare.ClearField("source_code_info")
    return bare


def _foreign(image: Path) -> Iterable[FileDescriptorProto]:
    files = FileDescriptorSet.FromString(image.read_bytes()).file
    return [file for file in files if not _is_own(file)]


def _image(folder: Path) -> Path:
    image = folder / "image.binpb"
    _protoc(
        f"--descriptor_set_out={image}",
        "--include_imports",
        "--include_source_info",
        files=_own_files(),
    )
    return image


def _protoc(*options: str, files: list[str]) -> None:
    # protoc finds its plugins for types by PATH alone.
    os.environ["PATH"] = os.pathsep.join([str(SCRIPTS), os.environ.get("PATH", "")])
    with tempfile.TemporaryDirectory() as folder:
        rules = Path(folder) / "validate.binpb"
        rules.write_bytes(_validation_rules())
        includes = [PROTOS, SITE_PACKAGES, resources.files("grpc_tools") / "_proto"]
        status = protoc.main(
            [
                "protoc",
                *(f"-I{include}" for include in includes),
                f"--descriptor_set_in={rules}",
                *options,
                *files,
            ]
        )
    if status:
        sys.exit("protoc refused the contracts; see the lines above")


def _validation_rules() -> bytes:
    found = FileDescriptorSet()
    for module in (descriptor_pb2, duration_pb2, field_mask_pb2, timestamp_pb2):
        module.DESCRIPTOR.CopyToProto(found.file.add())
    found.file.add().MergeFromString(validate_pb._DESC.proto.to_binary())
    return found.SerializeToString()


def _buf(*arguments: str) -> None:
    done = subprocess.run(
        [str(SCRIPTS / "buf"), *arguments, "--config", str(PROTOS / "buf.yaml")],
        cwd=ROOT,
        check=False,
    )
    if done.returncode:
        sys.exit(f"buf {arguments[0]} found something; see the lines above")


COMMANDS: dict[str, Callable[[], None]] = {
    "code": code,
    "lint": lint,
    "breaking": breaking,
    "baseline": baseline,
}

if __name__ == "__main__":
    for command in sys.argv[1:] or ["code"]:
        COMMANDS[command]()
