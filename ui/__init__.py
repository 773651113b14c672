"""What is on the pages; the only code that imports Streamlit."""
