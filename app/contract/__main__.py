"""Write the contract files anew: ``python -m app.contract``."""

from pathlib import Path

from app.contract.documents import contract_files

if __name__ == "__main__":
    for name, content in contract_files().items():
        Path(__file__).with_name(name).write_bytes(content)
